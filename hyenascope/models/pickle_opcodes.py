"""What a pickle would do to the process before the unpickler asks anyone.

The copyreg extension registry hands out objects past ``find_class``; a memo is
allocated up to the largest number that it is written at; and values that lie in one
another a hundred thousand levels deep overflow the stack of the interpreter, which
then dies, when one of them is the key of a dict.
"""

import pickle
import pickletools

_DEEPEST = 500  # levels; optimizers and OmegaConf settings have some tens
_FILLS = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"}
_MARK = -1


def check_opcodes(pickled: bytes) -> None:
    """Refuse a pickle that would harm whoever reads it, whatever it is read with.

    Raises
    ------
    pickle.UnpicklingError
        If it uses the extension registry, a memo larger than itself, or values more
        than 500 levels deep. A list counts as deep as it was when it was put into
        another; one that is filled later cannot be a key.
    Exception
        Of any kind, if it is no pickle.
    """
    stack: list[int] = []  # how deep each value there is
    memo: dict[int, int] = {}
    for opcode, given, _ in pickletools.genops(pickled):
        name, number = opcode.name, given if isinstance(given, int) else 0
        if name.startswith("EXT"):
            raise pickle.UnpicklingError("it uses the copyreg extension registry")
        if name.endswith("PUT"):
            if number > len(pickled):
                raise pickle.UnpicklingError("its memo is larger than the file")
            memo[number] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name.endswith("GET"):
            stack.append(memo[number])
        elif name == "MARK":
            stack.append(_MARK)
        else:
            _step(stack, opcode)
            if stack and stack[-1] > _DEEPEST:
                raise pickle.UnpicklingError(
                    f"its values lie more than {_DEEPEST} levels deep in one another"
                )


def _step(stack: list[int], opcode: pickletools.OpcodeInfo) -> None:
    """Take off the stack what an opcode takes, and put on it what that makes."""
    takes, gives = opcode.stack_before, opcode.stack_after
    taken: list[int] = []
    if pickletools.stackslice in takes:
        while (depth := stack.pop()) != _MARK:
            taken.append(depth)
        takes = takes[: takes.index(pickletools.markobject)]
    under = [stack.pop() for _ in takes]
    if opcode.name in _FILLS:
        container = under.pop()
        stack.append(max(container, 1 + max([*taken, *under, 0])))
    else:
        stack.extend([1 + max([*taken, *under, 0])] * len(gives))
