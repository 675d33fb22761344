"""Lake Formation: grants and their record, the registered location, column filters of readers, LF-tags."""
