"""What staff and owners read of Parlo when they run their day by chat: Mexican Spanish, short.

The tools for staff answer with these; a model repeats them as they stand.
"""

from __future__ import annotations

from runtime.domain.enums import StaffRole
from runtime.domain.permissions import ALLOWED, MANAGERS, OWNERS, WORKERS, Action

# Permissions ---------------------------------------------------------------------------------------

ROLES = {
    StaffRole.OWNER: "dueña o dueño",
    StaffRole.ADMIN: "administración",
    StaffRole.STAFF: "equipo",
    StaffRole.VIEWER: "solo consulta",
}
ACTIONS = {
    Action.SEE_SCHEDULE: "ver la agenda",
    Action.SEE_PERMISSIONS: "preguntar qué puede hacer cada quien",
    Action.SEE_CUSTOMERS: "ver el historial de los clientes",
    Action.MARK_ATTENDANCE: "marcar quién llegó y quién no",
    Action.BLOCK_OWN_TIME: "bloquear su propio horario",
    Action.BOOK_FOR_CUSTOMERS: "agendar a un cliente",
    Action.CHANGE_APPOINTMENTS: "cancelar o mover la cita de un cliente",
    Action.MESSAGE_CUSTOMERS: "mandarle un mensaje a un cliente",
    Action.BLOCK_OTHERS_TIME: "bloquear el horario de otra persona",
    Action.SEE_STATS: "ver los números del negocio",
    Action.MANAGE_STAFF: "agregar o quitar personas del equipo",
    Action.CLOSE_BUSINESS: "cerrar o abrir el negocio",
    Action.CHANGE_PERMISSIONS: "cambiar permisos",
    Action.CHANGE_HOURS: "cambiar el horario del negocio",
    Action.CHANGE_SERVICES: "cambiar servicios y precios",
}
_WHO = {
    OWNERS: "solo la dueña o el dueño",
    MANAGERS: "solo la dueña o el dueño, y quien administra",
    WORKERS: "la dueña o el dueño, quien administra y quien atiende, pero no quien solo consulta",
}
CANNOT = "Eso no lo puedo hacer."


def not_allowed(action: Action) -> str:
    """Who may do what somebody may not."""
    what = ACTIONS.get(action)
    return f"No tienes permiso para eso: {what} lo puede {_WHO[ALLOWED[action]]}." if what else CANNOT


def allowed(action: Action) -> str:
    """They may."""
    return f"Sí puedes {ACTIONS[action]}."
