"""The backend API of this product."""
