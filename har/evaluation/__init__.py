"""How good a model is: scores, cross-validation, stored trials, figures."""
