"""The reference backend in TensorFlow: eager or compiled, differentiated by the gradient tape."""
