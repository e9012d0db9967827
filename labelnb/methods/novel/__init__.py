"""Classes nobody named: groups of unlabelled items beside the known classes, and how many of them there are."""
from labelnb.methods import lazy

lazy(__name__)
