"""The tracks of a browser: which, in what order, how high, and how it was before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hyenascope.data.interval import Interval
from hyenascope.viz.lane import Component, Lane, Named
from hyenascope.viz.tile import empty_lane
from hyenascope.viz.view import NothingHereError, View
from hyenascope.widgets.locus_host import in_words

LEAST_HEIGHT, MOST_HEIGHT = 16, 900  # pixels


@dataclass(frozen=True)
class Track:
    """A component in a browser.

    Parameters
    ----------
    id
        Unique in its list.
    label
        Name in the list of tracks.
    component
        What draws it.
    visible
        Whether it is drawn.
    scale
        Its height, as a multiple of what the component asks for.
    """

    id: str
    label: str
    component: Component
    visible: bool = True
    scale: float = 1.0

    def draw(self, view: View) -> Lane:
        """Return the component's lane at the height the user chose.

        What cannot be drawn leaves an empty lane that says why, so that one track
        never takes the others away.
        """
        try:
            lane = self.component.draw(view)
        except NothingHereError as error:
            return empty_lane(self._name, f"nothing here: {error}", view)
        except Exception as error:
            return empty_lane(self._name, f"cannot be drawn: {in_words(error)}", view)
        height = round(lane.height * self.scale)
        return replace(lane, height=min(max(height, LEAST_HEIGHT), MOST_HEIGHT))

    @property
    def _name(self) -> str:
        return getattr(self.component, "label", None) or self.label

    def places(self, interval: Interval) -> Iterator[tuple[str, Interval]]:
        """Yield the names that the component knows, and where they lie."""
        if isinstance(self.component, Named):
            yield from self.component.places(interval)


class TrackList:
    """Tracks top to bottom; every change can be undone.

    Examples
    --------
    >>> from hyenascope.viz.components import Sequence
    >>> tracks = TrackList()
    >>> first = tracks.add("sequence", Sequence("ACGT"))
    >>> second = tracks.add("sequence", Sequence("ACGT"))
    >>> tracks.move(second, -1)
    >>> [track.id for track in tracks.tracks]
    ['sequence-2', 'sequence-1']
    >>> tracks.undo()
    True
    >>> [track.id for track in tracks.tracks]
    ['sequence-1', 'sequence-2']
    """

    def __init__(self) -> None:
        self.tracks: tuple[Track, ...] = ()
        self._past: list[tuple[Track, ...]] = []
        self._made = 0

    @property
    def visible(self) -> Sequence[Track]:
        """The tracks that are drawn."""
        return [track for track in self.tracks if track.visible]

    def add(self, label: str, component: Component, *, at: int | None = None) -> str:
        """Put a track in, by default at the bottom; return its id.

        Raises
        ------
        TypeError
            If the component cannot draw itself.
        """
        if not isinstance(component, Component):
            raise TypeError(
                f"component must have a draw method; got {type(component).__name__}."
            )
        self._made += 1
        track = Track(f"{label}-{self._made}", label, component)
        tracks = list(self.tracks)
        tracks.insert(len(tracks) if at is None else at, track)
        self._become(tracks)
        return track.id

    def remove(self, track_id: str) -> None:
        """Take a track out; the last one stays.

        Raises
        ------
        ValueError
            If it is the only one.
        KeyError
            If there is none of that id.
        """
        self._index(track_id)
        if len(self.tracks) == 1:
            raise ValueError("tracks must hold at least one; this is the last.")
        self._become([track for track in self.tracks if track.id != track_id])

    def move(self, track_id: str, by: int) -> None:
        """Move a track down by ``by`` places, up if negative; no further than the end.

        Raises
        ------
        KeyError
            If there is none of that id.
        """
        at = self._index(track_id)
        tracks = list(self.tracks)
        track = tracks.pop(at)
        tracks.insert(min(max(at + by, 0), len(tracks)), track)
        self._become(tracks)

    def resize(self, track_id: str, factor: float) -> None:
        """Make a track ``factor`` times as high.

        Raises
        ------
        KeyError
            If there is none of that id.
        """
        track = self.tracks[self._index(track_id)]
        scale = min(max(track.scale * factor, 0.2), 8.0)
        self._change(replace(track, scale=scale))

    def show(self, track_id: str, visible: bool) -> None:
        """Draw a track or not.

        Raises
        ------
        KeyError
            If there is none of that id.
        """
        track = self.tracks[self._index(track_id)]
        self._change(replace(track, visible=visible))

    def undo(self) -> bool:
        """Take the last change back; False if there is none."""
        if not self._past:
            return False
        self.tracks = self._past.pop()
        return True

    def settle(self) -> None:
        """Forget the past: what is there now is where undoing ends."""
        self._past.clear()

    def _change(self, changed: Track) -> None:
        self._become([changed if t.id == changed.id else t for t in self.tracks])

    def _become(self, tracks: Sequence[Track]) -> None:
        self._past.append(self.tracks)
        self.tracks = tuple(tracks)

    def _index(self, track_id: str) -> int:
        for number, track in enumerate(self.tracks):
            if track.id == track_id:
                return number
        names = ", ".join(track.id for track in self.tracks)
        raise KeyError(f"track_id must be one of {names}; got {track_id!r}.")
