from .Dropout import Dropout
from .Linear import Linear
