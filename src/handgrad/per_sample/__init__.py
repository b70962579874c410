"""The gradients of each sample: the contract's third method, and what it returns."""

from handgrad.per_sample.contract import Container, EachSample
from handgrad.per_sample.summands import Made, Products, Summands, over_places, total

__all__ = ["Container", "EachSample", "Made", "Products", "Summands", "over_places", "total"]
