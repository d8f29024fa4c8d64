"""CLOVA Studio's chat completions: v3 both ways, v1 as callers speak it. Its vendor is asked under v3."""
