"""A mistake in each function of CS231n's interface. What is wrong is said in `WRONG`."""

import numpy as np

import layers as right
import rnn_layers as recurrent
from layers import (
    affine_forward,
    batchnorm_forward,
    conv_forward_naive,
    dropout_forward,
    layernorm_forward,
    max_pool_forward_naive,
    relu_forward,
    spatial_batchnorm_forward,
    spatial_groupnorm_forward,
)
from rnn_layers import (
    lstm_forward,
    lstm_step_forward,
    rnn_forward,
    rnn_step_forward,
    temporal_affine_forward,
    word_embedding_forward,
)
