"""The page: the only storey that knows Gradio, and of that only `page`, `component` and `api`."""
