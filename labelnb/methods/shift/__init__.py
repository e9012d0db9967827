"""Items from elsewhere than the model that predicts them."""
from labelnb.methods import lazy

lazy(__name__)
