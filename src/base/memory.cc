#include "base/memory.h"

#include <cstddef>
#include <cstdint>

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace ocisync {
namespace {

// Segments that nobody can write are the file's own bytes.
int drop_constants(dl_phdr_info* object, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0)
      continue;
    const std::uintptr_t start = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    auto* const pages = reinterpret_cast<void*>(start);  // NOLINT(performance-no-int-to-ptr)
    ::madvise(pages, end - start, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void share_heaps() {
  ::mallopt(M_ARENA_MAX, 2);  // NOLINT(concurrency-mt-unsafe): no thread has begun
}

void give_back_memory() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(drop_constants, nullptr);  // NOLINT(concurrency-mt-unsafe): glibc's locks
}

}  // namespace ocisync
