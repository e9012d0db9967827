"""Where items come from, one kind of source a file: tables, images, texts, vectors, graphs, and places on disk."""
