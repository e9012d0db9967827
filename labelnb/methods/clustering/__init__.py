"""Groups found without labels, and named afterwards."""
from labelnb.methods import lazy

lazy(__name__)
