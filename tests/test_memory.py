from concurrent.futures import ThreadPoolExecutor

from tests.shop import CART, UPCAST, Cart, Line, held, put, stored
from typed_sessions import MemoryStore, SessionKey, Sessions, SyncMemoryStore
from typed_sessions.stores.protocol import Delete, Insert


async def test_nobody_shares_an_object_with_the_store() -> None:
    sessions = Sessions(MemoryStore())
    cart = Cart(lines=[Line(sku="pizza")])
    await sessions.save("42", cart)

    cart.lines.clear()

    assert (await sessions.load(Cart, "42")).lines == [Line(sku="pizza")]


async def test_records_stay_when_the_store_is_closed() -> None:
    store = MemoryStore()
    await put(store, CART, stored(UPCAST))

    await store.close()

    assert await held(store, CART) == stored(UPCAST)


def test_threads_that_load_while_others_delete_see_all_or_nothing() -> None:
    store = SyncMemoryStore()
    keys = [SessionKey("cart", str(number)) for number in range(20)]

    def write() -> None:
        for _ in range(200):
            store.save([Insert(key, stored(UPCAST)) for key in keys])
            store.save([Delete(key) for key in keys])

    def read() -> set[int]:
        return {len(store.load(keys)) for _ in range(2000)}

    with ThreadPoolExecutor(2) as threads:
        writing, reading = threads.submit(write), threads.submit(read)
        writing.result(60)

        assert reading.result(60) <= set(range(21))
