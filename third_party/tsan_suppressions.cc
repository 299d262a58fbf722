// Debian's libraries are not built for thread sanitizer, which sees only part of what they do and
// reports races that are none. One binary can have only one such list, so all of it is here.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
extern "C" const char* __tsan_default_suppressions() {
  return
      // Connections share their WAL index by memory whose races SQLite resolves with checksums.
      "called_from_lib:libsqlite3.so\n"
      // gRPC hands a call's operations and its interceptors' objects from thread to thread by
      // queues that thread sanitizer does not see. Handlers do not run beneath these frames.
      "race:grpc::internal::CallOpSet\n"
      "race:grpc::internal::InterceptorBatchMethodsImpl\n"
      "race:CallRecorder\n"
      "race:grpc::ServerContextBase\n"
      // The same for a call that ends by a callback. Those run beneath this frame, so only what it
      // does itself is meant.
      "race_top:grpc::internal::CallbackWithStatusTag\n"
      "race_top:grpc::internal::CallbackWithSuccessTag\n"
      "race_top:grpc::internal::ClientCallbackReaderWriterImpl\n"
      "race_top:grpc::internal::ClientCallbackReaderImpl\n"
      "race_top:grpc::internal::CallbackBidiHandler\n";
}
#endif
#endif
