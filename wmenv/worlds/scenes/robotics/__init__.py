"""Robot arms."""
