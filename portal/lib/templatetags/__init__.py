"""Template tags that know no model; the settings name them as libraries."""
