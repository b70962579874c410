from layers.Linear import Linear
