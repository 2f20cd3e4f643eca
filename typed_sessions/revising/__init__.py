"""`typed-sessions revision`: a new version of a session, and what else may befall its versions."""
