"""Where the rows of an index lie: in segments of a folder, or in tables of LanceDB."""
