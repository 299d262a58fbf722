#ifndef GITOPS_COMMON_MEMORY_MEMORY_H_
#define GITOPS_COMMON_MEMORY_MEMORY_H_

namespace gitops {

// A program that is idle most of its life should not go on holding what its start needed.

// Lets all threads share a few heaps, instead of one for nearly every thread. To be called before
// the first thread is made.
void LimitHeaps();

// Gives back to the kernel: free memory of the heaps; and the code and constants of the program and
// its libraries, which come back from the page cache as they are used. Takes some milliseconds. May
// be called at any time, from any thread.
void ReturnUnusedMemory();

}  // namespace gitops

#endif  // GITOPS_COMMON_MEMORY_MEMORY_H_
