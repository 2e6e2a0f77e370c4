"""What every page of the console is made of: the declaration of a page, forms, tables, layout."""
