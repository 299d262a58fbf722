// A field that tells "unset" from "empty" is never taken for everything when it is empty: walks
// every request of PlannerService.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <grpcpp/generic/generic_stub.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/unary_call.h"
#include "services/planner/rpc/planner_test_base.h"

namespace gitops {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using testing::HasSubstr;

using Path = std::vector<const FieldDescriptor*>;  // from a request to a string in it

void FindStrings(const Descriptor* message, Path path, std::vector<Path>& found) {
  for (int i = 0; i < message->field_count(); ++i) {
    path.push_back(message->field(i));
    if (path.back()->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      FindStrings(path.back()->message_type(), path, found);
    } else if (path.back()->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
               path.back()->has_presence()) {
      found.push_back(path);
    }
    path.pop_back();
  }
}

void SetEmpty(Message& request, const Path& path) {
  Message* message = &request;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    const google::protobuf::Reflection* reflection = message->GetReflection();
    message = path[i]->is_repeated() ? reflection->AddMessage(message, path[i])
                                     : reflection->MutableMessage(message, path[i]);
  }
  message->GetReflection()->SetString(message, path.back(), "");
}

class EmptyValuesTest : public PlannerTestBase {
 protected:
  // How a method, streaming or not, ends that is to fail before it answers.
  grpc::Status Try(const std::string& method, const Message& request) {
    grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub(
        *Dial({.address = server_->address()}));
    const grpc::Slice bytes(request.SerializeAsString());
    const grpc::ByteBuffer sent(&bytes, 1);
    grpc::ByteBuffer answer;
    const auto context = Context();
    return AwaitUnary(*context, nullptr,
                      [&](std::function<void(grpc::Status)> done) {
                        stub.UnaryCall(context.get(), method, {}, &sent, &answer, std::move(done));
                      })
        .status;
  }
};

TEST_F(EmptyValuesTest, AreRefusedInEveryRequest) {
  const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
      "gitops.v1.PlannerService");
  int tried = 0;
  for (int i = 0; i < service->method_count(); ++i) {
    const auto* method = service->method(i);
    std::vector<Path> paths;
    FindStrings(method->input_type(), {}, paths);
    for (const Path& path : paths) {
      const std::unique_ptr<Message> request(
          MessageFactory::generated_factory()->GetPrototype(method->input_type())->New());
      SetEmpty(*request, path);
      const grpc::Status status =
          Try(absl::StrCat("/gitops.v1.PlannerService/", method->name()), *request);
      const std::string what = absl::StrCat(method->name(), " ", path.back()->full_name());
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT)
          << what << ": " << status.error_message();
      EXPECT_THAT(status.error_message(), HasSubstr(path.back()->name())) << what;
      ++tried;
    }
  }
  // CreatePlan and CreateDeployment alone have nine.
  EXPECT_GE(tried, 17) << "the walk has missed some";
}

}  // namespace
}  // namespace gitops
