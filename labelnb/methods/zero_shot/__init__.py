"""Classes from their names alone: no label is needed."""
from labelnb.methods import lazy

lazy(__name__)
