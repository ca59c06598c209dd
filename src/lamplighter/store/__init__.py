"""All SQL outside the search index: tables, migrations, and one module per noun."""
