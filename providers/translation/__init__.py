"""A caller of one dialect and a vendor of another: what each says, in a form that is neither's."""
