"""What the user sees: progress, console tables, figures, the HTML report and the model card."""
