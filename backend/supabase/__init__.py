"""What is Supabase's own: who a bearer token belongs to."""
