"""One module for each way of reading and writing files; ``read`` and ``write`` choose."""
