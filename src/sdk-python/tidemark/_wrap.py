"""A function of any kind with a handle around each call: plain, async, generator, async generator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ._handle import Handle

F = TypeVar("F", bound=Callable[..., Any])
#: Makes the handle of one call from the function's name and its arguments.
Begin = Callable[[str, object], "Handle"]


def wrap(fn: F, begin: Begin) -> F:
    name = getattr(fn, "__name__", type(fn).__name__)
    inner: Callable[..., Any]
    if inspect.isasyncgenfunction(fn):
        inner = _async_generator(fn, name, begin)
    elif inspect.iscoroutinefunction(fn):
        inner = _coroutine(fn, name, begin)
    elif inspect.isgeneratorfunction(fn):
        inner = _generator(fn, name, begin)
    else:
        inner = _plain(fn, name, begin)
    try:
        functools.update_wrapper(inner, fn)
    except Exception:  # a callable object may not let its attributes be read
        pass
    return inner  # type: ignore[return-value]


def _args(args: tuple[Any, ...], named: dict[str, Any]) -> object:
    return [*args, named] if named else list(args)


def _plain(fn: Callable[..., Any], name: str, begin: Begin) -> Callable[..., Any]:
    def call(*args: Any, **named: Any) -> Any:
        with begin(name, _args(args, named)):
            return fn(*args, **named)

    return call


def _coroutine(fn: Callable[..., Any], name: str, begin: Begin) -> Callable[..., Any]:
    async def call(*args: Any, **named: Any) -> Any:
        async with begin(name, _args(args, named)):
            return await fn(*args, **named)

    return call


def _generator(fn: Callable[..., Any], name: str, begin: Begin) -> Callable[..., Any]:
    """The handle is the innermost one only while the generator runs, not while its caller does."""

    def call(*args: Any, **named: Any) -> Generator[Any, Any, Any]:
        handle = begin(name, _args(args, named)).start()
        inner = fn(*args, **named)
        go: Callable[[], Any] = functools.partial(next, inner)
        try:
            while True:
                try:
                    with handle.active():
                        item = go()
                except StopIteration as stop:
                    handle.end()
                    return stop.value
                try:
                    sent = yield item
                except GeneratorExit:
                    with handle.active():
                        inner.close()
                    raise
                except BaseException as error:
                    go = functools.partial(inner.throw, error)
                else:
                    go = functools.partial(inner.send, sent)
        except BaseException as error:
            handle.fail(error)
            raise

    return call


def _async_generator(fn: Callable[..., Any], name: str, begin: Begin) -> Callable[..., Any]:
    async def call(*args: Any, **named: Any) -> AsyncGenerator[Any, Any]:
        handle = begin(name, _args(args, named)).start()
        inner = fn(*args, **named)
        go: Callable[[], Any] = inner.__anext__
        try:
            while True:
                try:
                    with handle.active():
                        item = await go()
                except StopAsyncIteration:
                    handle.end()
                    return
                try:
                    sent = yield item
                except GeneratorExit:
                    with handle.active():
                        await inner.aclose()
                    raise
                except BaseException as error:
                    go = functools.partial(inner.athrow, error)
                else:
                    go = functools.partial(inner.asend, sent)
        except BaseException as error:
            handle.fail(error)
            raise

    return call
