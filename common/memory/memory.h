#ifndef GITOPS_COMMON_MEMORY_MEMORY_H_
#define GITOPS_COMMON_MEMORY_MEMORY_H_

namespace gitops {

// A program that is idle most of the time should not keep the memory that its start needed.

// Lets all threads share a few heaps, instead of one for nearly every thread. Call it before the
// first thread is created.
void LimitHeaps();

// Returns free heap memory to the kernel, and the pages of code and constants of the program and
// its libraries, which are read from the page cache when they are used again. Takes some
// milliseconds. Thread-safe.
void ReturnUnusedMemory();

}  // namespace gitops

#endif  // GITOPS_COMMON_MEMORY_MEMORY_H_
