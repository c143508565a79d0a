"""What other services' facts mean here: each may have to be told, and each changes what is known of its lead."""

from leadway.delivery.translate._commands import FOREIGN, SUBSCRIBABLE, translate, type_of
from leadway.delivery.translate._mirror import Deal, Hold, Lead, Seen, reflect

__all__ = ["FOREIGN", "SUBSCRIBABLE", "Deal", "Hold", "Lead", "Seen", "reflect", "translate", "type_of"]
