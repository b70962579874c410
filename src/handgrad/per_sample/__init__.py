"""The gradients of each sample: the contract's third method, and what it returns."""

from handgrad.per_sample.contract import EachSample, as_it_is
from handgrad.per_sample.summands import Made, Products, Summands, over_places, total

__all__ = ["EachSample", "Made", "Products", "Summands", "as_it_is", "over_places", "total"]
