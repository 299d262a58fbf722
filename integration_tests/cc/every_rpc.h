#ifndef GITOPS_INTEGRATION_TESTS_CC_EVERY_RPC_H_
#define GITOPS_INTEGRATION_TESTS_CC_EVERY_RPC_H_

#include <google/protobuf/descriptor.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"

namespace gitops {

// All methods that the protos of the API declare.
inline std::vector<const google::protobuf::MethodDescriptor*> AllMethods() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const auto& entry : std::filesystem::directory_iterator("proto/gitops/v1")) {
    if (entry.path().extension() != ".proto") continue;
    const google::protobuf::FileDescriptor* file =
        google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
            "gitops/v1/" + entry.path().filename().string());
    if (file == nullptr) {
      ADD_FAILURE() << "not linked into this test: " << entry.path();
      continue;
    }
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        methods.push_back(file->service(i)->method(j));
      }
    }
  }
  return methods;
}

// Ends a call of any kind that sends one empty message.
inline grpc::Status CallWithEmptyRequest(const std::shared_ptr<grpc::Channel>& channel,
                                         const google::protobuf::MethodDescriptor& method) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(
      &context, absl::StrCat("/", method.service()->full_name(), "/", method.name()), &queue);
  call->StartCall(nullptr);
  if (next()) {
    grpc::Slice nothing;
    call->WriteLast(grpc::ByteBuffer(&nothing, 1), grpc::WriteOptions(), nullptr);
    next();
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  return status;
}

}  // namespace gitops

#endif  // GITOPS_INTEGRATION_TESTS_CC_EVERY_RPC_H_
