from .ReLU import ReLU
from .Sigmoid import Sigmoid
