"""Labels that are probably wrong."""
from labelnb.methods import lazy

lazy(__name__)
