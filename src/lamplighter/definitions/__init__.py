"""Agent files: Markdown with YAML frontmatter <-> ``Agent``. Pure: text in, values out."""
