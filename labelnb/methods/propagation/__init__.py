"""Labels that travel along a graph of neighbours."""
from labelnb.methods import lazy

lazy(__name__)
