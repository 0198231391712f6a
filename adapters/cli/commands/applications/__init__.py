"""`addressee app`: the applications that may use `addressee serve`, their policies and keys."""
