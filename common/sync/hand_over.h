#ifndef GITOPS_COMMON_SYNC_HAND_OVER_H_
#define GITOPS_COMMON_SYNC_HAND_OVER_H_

namespace gitops {

// Tell thread sanitizer of a hand-over that it cannot see, since it is done by a library that is
// not built for it (gRPC): what a thread did before HandOver(object) happens before what another
// one does after TakeOver(object). Only the order for this object is told, so that races are still
// found. Without thread sanitizer both do nothing: they order nothing themselves.

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GITOPS_THREAD_SANITIZER 1
#endif
#endif

#ifdef GITOPS_THREAD_SANITIZER
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
inline void HandOver(void* object) { __tsan_release(object); }
inline void TakeOver(void* object) { __tsan_acquire(object); }
#else
inline void HandOver(void* /*object*/) {}
inline void TakeOver(void* /*object*/) {}
#endif

}  // namespace gitops

#endif  // GITOPS_COMMON_SYNC_HAND_OVER_H_
