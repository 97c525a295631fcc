// SPDX-License-Identifier: Apache-2.0
// The server as a whole: standard services, what it says about itself, shutting down and starting again.
#include <gmock/gmock.h>
#include <google/protobuf/generated_enum_reflection.h>
#include <grpcpp/generic/generic_stub.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <string>
#include <thread>

#include "server/healthcheck.h"
#include "tests/server/api/server_fixture.h"

namespace cvxnn::server {
namespace {

grpc::Status CallWithoutMessage(const std::shared_ptr<grpc::Channel>& channel, const std::string& method) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  const grpc::Slice empty;
  const grpc::ByteBuffer request(&empty, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &response,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

TEST_F(ServerTest, AnswersTheStandardServices) {
  Start();
  EXPECT_TRUE(CheckHealth(server_->address()).ok());
  EXPECT_TRUE(CallWithoutMessage(channel_, "/grpc.channelz.v1.Channelz/GetServers").ok());
  EXPECT_EQ(CallWithoutMessage(channel_, "/cvxnn.v1.JobService/Nonsense").error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ServerTest, AnswersTheHealthCheckWhateverTheProxy) {
  setenv("http_proxy", "http://127.0.0.1:1", /*overwrite=*/1);
  Start();
  const absl::Status healthy = CheckHealth(server_->address());
  unsetenv("http_proxy");
  EXPECT_TRUE(healthy.ok()) << healthy;
}

TEST_F(ServerTest, ListensOnLoopbackOnlyUnlessTold) {
  options_.listen = "0.0.0.0:0";
  EXPECT_TRUE(absl::IsInvalidArgument(Server::Start(options_).status()));
  options_.security.insecure = true;
  Start();
}

TEST_F(ServerTest, RefusesASecondServerOnTheSamePortOrDirectory) {
  Start();
  Server::Options other = options_;
  EXPECT_TRUE(absl::IsFailedPrecondition(Server::Start(other).status()));
  other.data_dir = folder_.path() + "/other";
  other.listen = server_->address();
  EXPECT_TRUE(absl::IsUnavailable(Server::Start(other).status()));
}

TEST_F(ServerTest, AnswersOnThreadsThatGiveWayToThoseOfJobs) {
  constexpr int kNicest = 19;
  const int own = getpriority(PRIO_PROCESS, 0), nicer = std::min(own + 5, kNicest);
  if (nicer == own) GTEST_SKIP() << "the tests run as nicely as anything can";
  std::promise<int> of_job;
  options_.call_niceness = 5;
  options_.trainer = [&, counting = CountingTrainer(1)](const auto&... arguments) {
    of_job.set_value(getpriority(PRIO_PROCESS, 0));
    return counting(arguments...);
  };
  Start();
  int giving_way = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    giving_way += getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoi(task.path().filename().string()))) == nicer;
  }
  // Four of a pool, and some of gRPC's.
  EXPECT_GT(giving_way, 4);
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), own);
  CreateOk(ConvexJob(Spirals("s")));
  EXPECT_EQ(of_job.get_future().get(), own);
}

// Calls `answer` with every named value but 0 and expects UNIMPLEMENTED for exactly those that are not listed.
template <typename Enum, typename Listed, typename Answer>
void ExpectListedIsBuilt(const Listed& listed, const Answer& answer) {
  const auto* type = google::protobuf::GetEnumDescriptor<Enum>();
  for (int i = 0; i < type->value_count(); ++i) {
    if (type->value(i)->number() == 0) continue;
    const bool is_listed = std::find(listed.begin(), listed.end(), type->value(i)->number()) != listed.end();
    const grpc::StatusCode code = answer(static_cast<Enum>(type->value(i)->number()));
    EXPECT_EQ(code != grpc::StatusCode::UNIMPLEMENTED, is_listed) << type->value(i)->name();
  }
}

TEST_F(ServerTest, AnnouncesExactlyWhatIsBuilt) {
  Start();
  grpc::ClientContext context;
  v1::ServerInfo info;
  ASSERT_TRUE(info_->GetServerInfo(&context, {}, &info).ok());
  const std::string dataset = Spirals("s");
  const auto convex = [&](const std::function<void(v1::JobSpec*)>& change) {
    auto request = ConvexJob(dataset);
    request.set_validate_only(true);
    change(request.mutable_job()->mutable_spec());
    v1::Job job;
    return Create(request, &job).error_code();
  };
  const auto descent = [&](const std::function<void(v1::JobSpec*)>& change) {
    return convex([&](v1::JobSpec* spec) {
      spec->mutable_descent();
      change(spec);
    });
  };
  ExpectListedIsBuilt<v1::Loss>(info.convex().losses(),
                                [&](auto v) { return convex([v](auto* s) { s->set_loss(v); }); });
  ExpectListedIsBuilt<v1::Loss>(info.descent().losses(),
                                [&](auto v) { return descent([v](auto* s) { s->set_loss(v); }); });
  ExpectListedIsBuilt<v1::LossScale>(info.convex().loss_scales(),
                                     [&](auto v) { return convex([v](auto* s) { s->set_loss_scale(v); }); });
  ExpectListedIsBuilt<v1::Penalty>(info.descent().penalties(),
                                   [&](auto v) { return descent([v](auto* s) { s->set_penalty(v); }); });
  for (const int penalty : info.convex().penalties()) {
    EXPECT_EQ(convex([&](auto* s) {
                s->set_penalty(static_cast<v1::Penalty>(penalty));
                if (penalty == v1::PENALTY_NONE) s->clear_regularization();
              }),
              grpc::StatusCode::OK);
  }
  ExpectListedIsBuilt<v1::Activation>(info.convex().activations(), [&](auto v) {
    return convex([v](auto* s) { s->mutable_convex()->set_activation(v); });
  });
  ExpectListedIsBuilt<v1::Activation>(info.descent().activations(), [&](auto v) {
    return descent([v](auto* s) { s->mutable_descent()->set_activation(v); });
  });
  ExpectListedIsBuilt<v1::ConvexSolver>(
      info.convex_solvers(), [&](auto v) { return convex([v](auto* s) { s->mutable_convex()->set_solver(v); }); });
  ExpectListedIsBuilt<v1::WorkingSet>(
      info.working_sets(), [&](auto v) { return convex([v](auto* s) { s->mutable_convex()->set_working_set(v); }); });
  const auto expect_members = [&](const google::protobuf::Descriptor* type, const auto& listed, const auto& member) {
    const auto* kind = type->FindOneofByName("kind");
    for (int i = 0; i < kind->field_count(); ++i) {
      const auto code = descent([&](auto* s) {
        google::protobuf::Message* message = member(s->mutable_descent());
        message->GetReflection()->MutableMessage(message, kind->field(i));
      });
      const bool is_listed = std::count(listed.begin(), listed.end(), kind->field(i)->name()) > 0;
      EXPECT_EQ(code != grpc::StatusCode::UNIMPLEMENTED, is_listed) << kind->field(i)->full_name();
    }
  };
  expect_members(v1::Optimizer::descriptor(), info.optimizers(), [](auto* d) { return d->mutable_optimizer(); });
  expect_members(v1::Schedule::descriptor(), info.schedules(), [](auto* d) { return d->mutable_schedule(); });
  expect_members(v1::Initialization::descriptor(), info.initializations(),
                 [](auto* d) { return d->mutable_initialization(); });
  ExpectListedIsBuilt<v1::ModelFormat>(info.model_formats(), [&](auto v) {
    grpc::ClientContext download;
    v1::DownloadModelRequest request;
    request.set_name("models/none");
    request.set_format(v);
    v1::DownloadModelResponse message;
    auto reader = models_->DownloadModel(&download, request);
    while (reader->Read(&message)) {
    }
    return reader->Finish().error_code();
  });
  const auto* patterns = v1::Patterns::descriptor();
  for (int i = 0; i < patterns->field_count(); ++i) {
    const auto code = convex([&](v1::JobSpec* s) {
      auto* message = s->mutable_convex()->mutable_patterns();
      message->GetReflection()->MutableMessage(message, patterns->field(i));
    });
    const bool listed = std::count(info.patterns().begin(), info.patterns().end(), patterns->field(i)->name()) > 0;
    EXPECT_EQ(code != grpc::StatusCode::UNIMPLEMENTED, listed) << patterns->field(i)->name();
  }
  EXPECT_NE(convex([](auto* s) { s->mutable_path(); }), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(info.import_formats_size(), 0) << "there is no import root";
}

// What is announced also trains, not only validates.
TEST_F(ServerTest, TrainsEveryAnnouncedSolverPenaltyAndActivation) {
  Start();
  const std::string dataset = Spirals("s", 20);
  const auto run = [&](const std::function<void(v1::JobSpec*)>& change) {
    auto request = ConvexJob(dataset, 3);
    change(request.mutable_job()->mutable_spec());
    const v1::Job job = Finished(CreateOk(request));
    EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.spec().ShortDebugString() << job.error().message();
  };
  for (const auto penalty : {v1::PENALTY_GROUP_L2, v1::PENALTY_WEIGHT_DECAY, v1::PENALTY_NONE, v1::PENALTY_RIDGE,
                             v1::PENALTY_L1, v1::PENALTY_FEATURE_GROUPS}) {
    for (const auto activation : {v1::ACTIVATION_RELU, v1::ACTIVATION_GATED}) {
      run([&](auto* s) {
        s->set_penalty(penalty);
        if (penalty == v1::PENALTY_NONE) s->clear_regularization();
        s->mutable_convex()->set_activation(activation);
      });
      if (penalty != v1::PENALTY_GROUP_L2 && penalty != v1::PENALTY_WEIGHT_DECAY) continue;
      run([&](auto* s) {
        s->set_penalty(penalty);
        s->mutable_descent()->set_activation(activation);
        s->mutable_descent()->set_neurons(3);
        s->mutable_descent()->set_learning_rate(1e-4);
      });
    }
  }
}

TEST_F(ServerTest, TrainsEveryAnnouncedOptimizerLossScheduleAndInitialization) {
  Start();
  grpc::ClientContext context;
  v1::ServerInfo info;
  ASSERT_TRUE(info_->GetServerInfo(&context, {}, &info).ok());
  const std::string dataset = Spirals("s", 20);
  const auto run = [&](const std::function<void(v1::JobSpec*)>& change) {
    auto request = ConvexJob(dataset, 3);
    auto* spec = request.mutable_job()->mutable_spec();
    spec->mutable_descent()->set_neurons(3);
    spec->mutable_descent()->set_learning_rate(1e-4);
    change(spec);
    const v1::Job job = Finished(CreateOk(request));
    EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.spec().ShortDebugString() << job.error().message();
    return job;
  };
  const auto choose = [](google::protobuf::Message* message, const std::string& name) {
    const auto* field = message->GetDescriptor()->FindFieldByName(name);
    return message->GetReflection()->MutableMessage(message, field);
  };
  std::string model;
  for (const std::string& name : info.optimizers()) {
    const v1::Job job = run([&](auto* s) { choose(s->mutable_descent()->mutable_optimizer(), name); });
    EXPECT_EQ(job.result().solver(), name);
    model = job.result().best_model();
  }
  for (const int loss : info.descent().losses()) {
    if (loss == v1::LOSS_CROSS_ENTROPY) continue;  // spirals are a binary task
    run([&](auto* s) { s->set_loss(static_cast<v1::Loss>(loss)); });
  }
  for (const std::string& name : info.schedules()) {
    run([&](auto* s) {
      v1::Schedule* schedule = s->mutable_descent()->mutable_schedule();
      schedule->mutable_warmup()->set_epochs(1);
      choose(schedule, name);
      if (schedule->has_exponential()) schedule->mutable_exponential()->set_factor(0.5);
      if (schedule->has_step()) schedule->mutable_step()->set_epochs(1);
      if (schedule->has_cosine()) schedule->mutable_cosine()->set_epochs(2);
    });
  }
  for (const std::string& name : info.initializations()) {
    const v1::Job job = run([&](auto* s) {
      choose(s->mutable_descent()->mutable_initialization(), name);
      if (name != "from_models") return;
      s->mutable_descent()->clear_neurons();
      s->mutable_descent()->mutable_initialization()->mutable_from_models()->add_models(model);
      s->mutable_descent()->set_trials(2);
    });
    if (name == "from_models") {
      EXPECT_EQ(job.result().models_size(), 2);
    }
  }
}

TEST_F(ServerTest, RefusesToStartFromModelsThatAreNotThereOrDoNotFit) {
  Start();
  const std::string narrow = Spirals("s", 20);
  auto request = ConvexJob(narrow, 2);
  request.mutable_job()->mutable_spec()->mutable_descent()->set_neurons(3);
  request.mutable_job()->mutable_spec()->mutable_descent()->set_learning_rate(1e-4);
  const std::string model = Finished(CreateOk(request)).result().best_model();
  const auto from = [&](const std::string& name, const std::string& dataset) {
    auto again = ConvexJob(dataset, 2);
    auto* spec = again.mutable_job()->mutable_spec();
    spec->mutable_descent()->mutable_initialization()->mutable_from_models()->add_models(name);
    v1::Job job;
    return Create(again, &job);
  };
  EXPECT_EQ(from(model, narrow).error_code(), grpc::StatusCode::OK);
  EXPECT_EQ(from("models/none", narrow).error_code(), grpc::StatusCode::NOT_FOUND);
  grpc::ClientContext context;
  v1::GenerateDatasetRequest wide;
  wide.mutable_gaussian()->set_rows(9);
  wide.mutable_gaussian()->set_cols(7);
  wide.mutable_gaussian()->set_label_rule(v1::LABEL_RULE_SIGN);
  v1::Dataset made;
  ASSERT_TRUE(datasets_->GenerateDataset(&context, wide, &made).ok());
  const grpc::Status misfit = from(model, made.name());
  EXPECT_EQ(misfit.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(misfit.error_message(), ::testing::HasSubstr("initialization.from_models.models"));

  const auto patterns_of = [&](const std::string& name, const std::string& dataset) {
    auto again = ConvexJob(dataset, 2);
    auto* patterns = again.mutable_job()->mutable_spec()->mutable_convex()->mutable_patterns();
    patterns->mutable_from_model()->set_model(name);
    v1::Job job;
    return Create(again, &job);
  };
  EXPECT_EQ(patterns_of("models/none", narrow).error_code(), grpc::StatusCode::NOT_FOUND);
  const grpc::Status columns = patterns_of(model, made.name());
  EXPECT_EQ(columns.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(columns.error_message(), ::testing::HasSubstr("convex.patterns.from_model.model"));
  EXPECT_THAT(columns.error_message(), ::testing::HasSubstr("must have 7 inputs"));
}

TEST_F(ServerTest, SolvesOverThePatternsOfAStoredModel) {
  Start();
  const std::string dataset = Spirals("s", 20);
  auto request = ConvexJob(dataset, 50);
  request.mutable_job()->mutable_spec()->mutable_descent()->set_neurons(3);
  request.mutable_job()->mutable_spec()->mutable_descent()->set_learning_rate(1e-4);
  const std::string model = Finished(CreateOk(request)).result().best_model();
  auto again = ConvexJob(dataset, 50);
  auto* convex = again.mutable_job()->mutable_spec()->mutable_convex();
  convex->set_activation(v1::ACTIVATION_RELU);
  convex->mutable_refinement()->set_max_rounds(0);
  convex->mutable_patterns()->mutable_from_model()->set_model(model);
  const v1::Job job = Finished(CreateOk(again));
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error().message();
  EXPECT_GE(job.result().patterns(), 1);
  EXPECT_LE(job.result().patterns(), 3);
  EXPECT_THAT(job.result().message(), ::testing::HasSubstr("of " + model));
}

TEST_F(ServerTest, KeepsEverythingAcrossARestart) {
  Start();
  const std::string dataset = Spirals("s");
  const std::string job = CreateOk(ConvexJob(dataset, 600));
  const auto before = Watch(job);
  const v1::Job finished = Get(job);
  Stop();
  Start();
  const auto after = Watch(job);
  EXPECT_EQ(Get(job).SerializeAsString(), finished.SerializeAsString());
  std::int64_t epochs_before = 0, epochs_after = 0;
  for (const auto& message : before) epochs_before += message.metrics().epochs_size();
  for (const auto& message : after) epochs_after += message.metrics().epochs_size();
  EXPECT_EQ(epochs_after, epochs_before);
  grpc::ClientContext context;
  v1::EvaluateRequest evaluate;
  evaluate.set_model(finished.result().best_model());
  v1::EvaluateResponse response;
  EXPECT_TRUE(models_->Evaluate(&context, evaluate, &response).ok());
}

TEST_F(ServerTest, DrainsRunningJobsAndPutsBackThoseThatTakeTooLong) {
  auto gate = std::make_shared<std::atomic<std::int64_t>>(1);
  options_.trainer = CountingTrainer(3, gate);
  Start();
  const std::string dataset = Spirals("s");
  const std::string job = CreateOk(ConvexJob(dataset));
  // A watcher that is there when the server ends is told to come back.
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_name(job);
  auto reader = jobs_->WatchJob(&context, request);
  v1::WatchJobResponse message;
  while (!message.has_metrics()) ASSERT_TRUE(reader->Read(&message));
  std::thread shutdown([&] { server_->Shutdown(absl::Now() + absl::Milliseconds(50)); });
  v1::JobState last_state = v1::JOB_STATE_UNSPECIFIED;
  while (reader->Read(&message)) {
    if (message.has_state_change()) last_state = message.state_change().state();
  }
  const grpc::Status watched = reader->Finish();
  shutdown.join();
  EXPECT_EQ(last_state, v1::JOB_STATE_QUEUED);
  EXPECT_EQ(watched.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_FALSE(server_->ready());
  Stop();
  *gate = 10;
  Start();
  const v1::Job finished = Finished(job);
  EXPECT_EQ(finished.state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_EQ(finished.attempt(), 2);
}

TEST_F(ServerTest, LetsJobsFinishWithinTheDrainTime) {
  auto gate = std::make_shared<std::atomic<std::int64_t>>(0);
  options_.trainer = CountingTrainer(1, gate);
  Start();
  const std::string job = CreateOk(ConvexJob(Spirals("s")));
  Watch(job, 0, 2);
  std::thread shutdown([&] { server_->Shutdown(absl::Now() + absl::Seconds(60)); });
  while (server_->ready()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  *gate = 10;
  shutdown.join();
  Stop();
  Start();
  EXPECT_EQ(Get(job).state(), v1::JOB_STATE_SUCCEEDED);
}

}  // namespace
}  // namespace cvxnn::server
