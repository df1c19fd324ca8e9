"""Networks that fail: cut, silent, one-way, slow; between the house and its store, and between buyers and the house."""

from bench.chaos.faults.fault import Fault
from bench.chaos.proxy import Trouble
from bench.chaos.road import Road


class NetworkTrouble(Fault):
    """One trouble on one road. It counts when a connection or a piece met it."""

    _trouble: Trouble | None = None

    def road(self) -> Road:
        """Which road."""
        return self.arena.to_store

    def trouble(self) -> Trouble | None:
        """What is wrong with it; None when there is nobody to be troubled."""
        raise NotImplementedError

    def inject(self) -> bool:
        """See Fault."""
        self._trouble = self.trouble()
        if self._trouble is None:
            return False
        self.road().begin(self._trouble)
        return True

    def heal(self) -> bool:
        """See Fault."""
        if self._trouble is None:
            return False
        self.road().end(self._trouble)
        return self._trouble.touched > 0


class StoreCut(NetworkTrouble):
    """Everybody is told at once."""

    name = "store_cut"
    about = "the network between the house and its store is cut: connections are reset, new ones refused"
    lasts_s = (0.5, 4.0)

    def trouble(self) -> Trouble:
        """See NetworkTrouble."""
        return Trouble(resets=True)


class StoreReset(StoreCut):
    """An append may be done whose answer is lost; the next connection works."""

    name = "store_reset"
    about = "all connections to the store are reset, once"
    lasts_s = (0.02, 0.05)


class OwnerStoreSilent(NetworkTrouble):
    """Of one owner; what it said arrives later, when it has long hung up."""

    name = "owner_store_silent"
    about = "between one owner and the store nothing passes; what was sent arrives when it is over"
    lasts_s = (2.0, 6.0)

    def trouble(self) -> Trouble | None:
        """See NetworkTrouble."""
        owner = self.arena.owner(self.chance)
        return None if owner is None else Trouble(delay_s=None, pids=frozenset((owner.pid,)))


class OwnerAnswersHeld(NetworkTrouble):
    """The store does what it is asked, and the owner does not hear of it."""

    name = "owner_answers_held"
    about = "appends of one owner are made, and it hears nothing of them"
    lasts_s = (1.0, 5.0)

    def trouble(self) -> Trouble | None:
        """See NetworkTrouble."""
        owner = self.arena.owner(self.chance)
        return None if owner is None else Trouble(delay_s=None, there=False, pids=frozenset((owner.pid,)))


class StoreAnswersHeld(NetworkTrouble):
    """The same for everybody."""

    name = "store_answers_held"
    about = "the store does what everybody asks, and nobody hears of it"
    lasts_s = (1.0, 3.0)

    def trouble(self) -> Trouble:
        """See NetworkTrouble."""
        return Trouble(delay_s=None, there=False)


class StoreAnswersLost(StoreAnswersHeld):
    """What an impatient client of the store would send once more."""

    name = "store_answers_lost"
    about = "the store does what everybody asks, and then all connections are reset: no answer ever comes"
    lasts_s = (0.2, 0.5)

    def heal(self) -> bool:
        """See Fault."""
        if self._trouble is None:
            return False
        reset = Trouble(resets=True)
        self.road().begin(reset)
        self.road().end(reset)
        return super().heal()


class StoreFar(NetworkTrouble):
    """As if the store were on another continent."""

    name = "store_far"
    about = "everything to and from the store takes 20 to 200 ms longer"
    lasts_s = (2.0, 4.0)

    def trouble(self) -> Trouble:
        """See NetworkTrouble."""
        return Trouble(delay_s=self.chance.uniform(0.02, 0.2))


class ClientsReset(NetworkTrouble):
    """Calls under way have no answer."""

    name = "clients_reset"
    about = "all connections of clients are reset"
    lasts_s = (0.05, 1.0)

    def road(self) -> Road:
        """See NetworkTrouble."""
        return self.arena.to_door

    def trouble(self) -> Trouble:
        """See NetworkTrouble."""
        return Trouble(resets=True)


class ClientsSilent(ClientsReset):
    """What was sent is heard when it is over; deadlines have passed by then."""

    name = "clients_silent"
    about = "between clients and the house nothing passes; what was sent arrives when it is over"
    lasts_s = (1.0, 4.0)

    def trouble(self) -> Trouble:
        """See NetworkTrouble."""
        return Trouble(delay_s=None)


class ClientsUnanswered(ClientsReset):
    """The house does it all, and nobody hears of it in time."""

    name = "clients_unanswered"
    about = "calls reach the house, and answers do not reach the clients until it is over"
    lasts_s = (1.0, 4.0)

    def trouble(self) -> Trouble:
        """See NetworkTrouble."""
        return Trouble(delay_s=None, there=False)
