"""What conditions may ask of a lead: a fold of its captures and touches, and the values that it comes to."""

from leadway.profile._profile import Profile, campaign_values, form_fields, learn, profile_values

__all__ = ["Profile", "campaign_values", "form_fields", "learn", "profile_values"]
