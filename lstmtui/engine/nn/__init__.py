"""Networks: parameters, recurrent layers, models, losses, optimizer."""
