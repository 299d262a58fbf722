#include "common/memory/memory.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

// tcmalloc's, in programs that are linked with it.
extern "C" void MallocExtension_ReleaseFreeMemory() __attribute__((weak));

namespace gitops {
namespace {

constexpr int kHeaps = 2;

// Whether the loader has modified code or constants, which are then not in the file.
bool HasTextRelocations(const dl_phdr_info& object, const ElfW(Phdr) & dynamic) {
  const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + dynamic.p_vaddr);
  for (; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_TEXTREL) return true;
    if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
  }
  return false;
}

// Whether a part of the object is not from a file. The kernel's vdso has no name, or one without a
// slash; the program itself also has an empty name, but comes first in the callback's order.
bool IsFromFile(const dl_phdr_info& object, bool first) {
  if (first) return true;
  for (const char* c = object.dlpi_name; *c != '\0'; ++c) {
    if (*c == '/') return true;
  }
  return false;
}

void Drop(const dl_phdr_info& object, const ElfW(Phdr) & segment) {
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
  // Whole pages only: the ends may be shared with a segment that is written.
  const uintptr_t first = (begin + page - 1) & ~(page - 1);
  const uintptr_t last = (begin + segment.p_filesz) & ~(page - 1);
  // A failed madvise changes nothing.
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

// The loader's lock is held meanwhile: nothing is unloaded, and no address is reused.
int DropUnwritten(dl_phdr_info* object, size_t /*size*/, void* data) {
  bool* const first = static_cast<bool*>(data);
  const bool from_file = IsFromFile(*object, *first);
  *first = false;
  if (!from_file) return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type == PT_DYNAMIC && HasTextRelocations(*object, segment)) return 0;
  }
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) == 0) Drop(*object, segment);
  }
  return 0;
}

}  // namespace

void LimitHeaps() { mallopt(M_ARENA_MAX, kHeaps); }

void ReturnUnusedMemory() {
  if (MallocExtension_ReleaseFreeMemory != nullptr) {
    MallocExtension_ReleaseFreeMemory();
  } else {
    malloc_trim(0);
  }
  bool first = true;
  dl_iterate_phdr(DropUnwritten, &first);
}

}  // namespace gitops
