#pragma once

namespace ocisync {

// Before any thread is started: all of them share two heaps, where the C library would give each
// core eight and keep what every one of them ever needed.
void share_heaps();

// Gives back what only the past needed: freed heap, and the pages of code and constants, which come
// back from the page cache when they are touched again. Costs about a millisecond. Any thread.
void give_back_memory();

}  // namespace ocisync
