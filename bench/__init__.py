"""The figures that Towpath is judged by. `python -m bench` lists and runs them."""
