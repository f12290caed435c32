"""Values and rules without I/O: versions, artifacts, the grammar of file names, selections."""
