"""Write what a person keeps: new projects, from templates."""
