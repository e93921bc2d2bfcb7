"""Every script's options: the only place where defaults, ranges and help texts live."""

from dataclasses import dataclass

from config.options import option

DEVICES = ("auto", "cpu", "cuda")
MODELS = ("dinet", "lawdnet")
STAGES = ("syncnet", "frame", "clip")
HIDDEN = ("mouth", "below", "half")
REFERENCE_RULES = ("random", "pose_lips", "pose_spread")
PRECISIONS = ("auto", "bf16", "fp16", "fp32")
SEARCH_HELP = "parts of the video searched for the face at a time; 0: one a core, at most 4"
DETAIL_HELP = (
    "how much detail of the video's own mouths is laid on generated ones of less than 256 pixels: 0 none, 1 all"
)
PRECISION_HELP = "auto: bf16 where the device multiplies in it, else fp32; fp16 for GPUs without bf16"
LARGEST_SEED = 2**32 - 1
SYNCNET_PATH_HELP = "SyncNet checkpoint: a clip stage's, instead of syncnet_from, or what a syncnet stage starts from"
SOUND_FORMATS = ("wav", "mp3", "flac", "m4a")
METRICS = ("image", "landmarks", "leak", "silence", "sync", "identity", "lpips", "dists", "fid")
PROTOCOLS = ("auto", "paired", "unpaired")
X264_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)


@dataclass
class DataProcessingOptions:
    """data_processing.py"""

    all: bool = option(False, "run every step, in order, with --audio_feature")
    extract_video_frame: bool = option(False, "step 1: every frame as a JPEG (optional: --crop_face reads the video)")
    extract_audio: bool = option(False, "step 2: sound as 16 kHz mono WAV")
    extract_audio_feature: bool = option(False, "step 3: audio features, --audio_feature says which")
    extract_deep_speech: bool = option(False, "step 3 with DeepSpeech v0.1.0, which needs --deepspeech_model_path")
    crop_face: bool = option(False, "step 4: face crops of 416 x 320 pixels in clips of 9 frames")
    pack_crops: int = option(
        0,
        "a mouth size, such as 64: store the crops decoded for it; --generate_training_json names them; 0: no",
        low=0,
        high=1024,
    )
    generate_training_json: bool = option(False, "step 5: the training JSON")
    extract_video_frame_multithreading: bool = option(False, "step 1 over --num_workers processes")
    crop_face_multithreading: bool = option(False, "step 4 over --num_workers processes")
    training_data_path: str = option("./asserts/training_data", "folder of the training set")
    audio_feature: str = option("mel", "mel, deepspeech, or hf:NAME_OR_FOLDER of a speech encoder for transformers")
    deepspeech_model_path: str = option(
        "./asserts/output_graph.pb", "DeepSpeech v0.1.0's frozen TensorFlow graph", aliases=("deep_speech_model",)
    )
    crop: str = option(
        "aligned", "how faces are cut out; legacy suits the published DINet weights", choices=("aligned", "legacy")
    )
    num_workers: int = option(4, "processes of the *_multithreading steps and of --all", low=1, high=256)
    scheduler: str = option("", "address of a Dask cluster that takes frames and crops, instead of --num_workers")
    device: str = option("auto", "where hf: audio features run", choices=DEVICES)
    seed: int = option(0, "seed of the crop's random enlargement with --crop legacy", low=0, high=LARGEST_SEED)


@dataclass(frozen=True)
class StageOptions:
    """Every stage. Stage files in config/experiment/ and flags change these values."""

    stage: str = option("frame", "what is trained", choices=STAGES)
    mouth_size: int = option(
        64, "side of the mouth box in pixels; the crop is 1.25 wide, 1.625 high", low=32, high=1024
    )

    train_data: str = option("./asserts/training_data/training_json.json", "training JSON")
    val_fraction: float = option(
        0.1, "share held out: of the videos, or of each video's end if they are few; 0: nothing", low=0, high=0.5
    )
    augment_num: int = option(32, "samples drawn from every video in an epoch", low=1, high=10**6)
    batch_size: int = option(24, "samples in a step, over all processes and GPUs", low=1, high=10**5)
    ema: float = option(
        0.999, "decay of the running average of the weights that is validated and used; 0 for none", low=0, high=0.99999
    )
    num_workers: int = option(4, "data loading processes of every training process", low=0, high=256)

    lr_g: float = option(1e-4, "learning rate of the generator, or of SyncNet", low=0, high=1)
    non_decay: int = option(135, "epochs at the full learning rate", low=0, high=10**6)
    decay: int = option(135, "epochs of linear decay to 0", low=0, high=10**6)
    warmup_steps: int = option(0, "steps over which the learning rates rise to their value", low=0)
    max_steps: int = option(0, "end the stage after this many steps; 0 for no limit", low=0)
    max_minutes: float = option(
        0.0, "end the stage after this many minutes of training, if nothing ends it before; 0: no limit", low=0
    )
    precision: str = option("auto", PRECISION_HELP, choices=PRECISIONS)

    checkpoint_every: int = option(10, "epochs between checkpoints", low=1)
    keep_checkpoints: int = option(3, "newest checkpoints that are kept", low=1)
    eval_every: int = option(5, "epochs between validations and sample images", low=1)
    log_every: int = option(50, "steps between rows in metrics.jsonl", low=1)
    seed: int = option(456, "seed of weights and of every random draw", low=0, high=LARGEST_SEED)


@dataclass(frozen=True)
class GeneratorOptions(StageOptions):
    """Generator stages, frame and clip."""

    model: str = option("dinet", "generator", choices=MODELS)
    base_channels: int = option(64, "width of the generator; 64 is the published one", low=4, high=512)
    starts_from: str = option("", "stage of the same --name whose generator this one continues")
    pretrained_path: str = option("", "generator checkpoint to start from, instead of starts_from")
    base: str = option(
        "",
        "generator trained on other people, of the same model and width: stages that continue no other begin from it",
    )

    references: str = option(
        "random",
        "reference frames: random; pose_lips: in the source's pose, with other lips; pose_spread: from closed to open",
        choices=REFERENCE_RULES,
    )
    hide: str = option(
        "mouth",
        "what is hidden of the source: mouth, as published; below: what is under it too; half: all from its top down",
        choices=HIDDEN,
    )
    jitter: float = option(
        0.0,
        "share of the crop's width by which source and references are moved, each by itself; 0: not at all",
        low=0,
        high=0.2,
    )
    silence_share: float = option(
        0.05, "share of samples that pair silent audio with a closed mouth; 0 as published", low=0, high=1
    )
    freeze_norms: bool = option(
        False, "keep the generator's batch norm as the stage before left it, as small batches of clips want it"
    )
    freeze_hearing: bool = option(
        False, "in stages that continue another, keep its audio encoder, which learns seconds of speech by heart"
    )
    accumulate: int = option(
        1, "passes that a generator step's batch is divided into, for less memory", low=1, high=10**5
    )

    lr_d: float = option(1e-4, "learning rate of the discriminators", low=0, high=1)
    lamb_perception: float = option(10.0, "weight of the VGG19 loss", low=0)
    lamb_gan: float = option(1.0, "weight of the LSGAN loss on single frames", low=0)
    lamb_gan_mouth: float = option(
        0.0, "weight of the LSGAN loss on fine detail of the mouth box: sharper teeth and lips; 0 as published", low=0
    )
    lamb_pixel: float | None = option(None, "weight of the pixel MSE; not set: 1 for lawdnet, 0 for dinet", low=0)
    lamb_mouth: float = option(
        0.0, "weight of the pixel L1 in the mouth box, up to five times as much at the lips", low=0
    )
    lamb_detail: float = option(
        0.0, "weight of the L1 of fine detail in the mouth box, three octaves of a Laplacian pyramid", low=0
    )
    lamb_opening: float = option(1.0, "weight of the lip opening heard in the audio code; 0 as published", low=0)
    perceptual_weights: str = option(
        "imagenet", "VGG19: imagenet, auto (ImageNet if cached, else random), random, a path"
    )


@dataclass(frozen=True)
class FrameOptions(GeneratorOptions):
    """Frame stages."""


@dataclass(frozen=True)
class ClipOptions(GeneratorOptions):
    """Clip stages."""

    stage: str = option("clip", "what is trained", choices=STAGES)
    lamb_gan_clip: float = option(1.0, "weight of the LSGAN loss on five frames", low=0)
    lamb_sync: float = option(0.1, "weight of SyncNet's loss", low=0)
    syncnet_from: str = option("", "stage of the same --name whose SyncNet a clip stage uses")
    pretrained_syncnet_path: str = option("", SYNCNET_PATH_HELP)
    trust_syncnet: bool = option(
        False, "use the SyncNet whatever it reached on held-out videos, or if it was never judged"
    )


@dataclass(frozen=True)
class SyncNetOptions(StageOptions):
    """SyncNet stages."""

    stage: str = option("syncnet", "what is trained", choices=STAGES)
    pretrained_syncnet_path: str = option("", SYNCNET_PATH_HELP)
    lamb_contrast: float = option(5.0, "weight of the contrastive loss between mouths and audio", low=0)


STAGE_KINDS = {"syncnet": SyncNetOptions, "frame": FrameOptions, "clip": ClipOptions}


@dataclass
class RunOptions:
    """train_sequence.py and train_sequence_distributed.py: which stages run, and where."""

    config_path: str = option("", "stage file to run; without it every stage of --config_folder runs in order")
    config_folder: str = option("./config/experiment", "folder of the stage files of a sequence")
    name: str = option("", "name of the run, a folder in --result_path")
    result_path: str = option("./output/training_model_weight", "folder of all runs")
    total_minutes: float = option(
        0.0, "share this many minutes out to the stages, by their max_minutes; 0: do not", low=0
    )
    resume: bool = option(False, "continue where the run of this name stopped")
    dry_run: bool = option(False, "print the options of every stage and stop")
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)
    wandb: str = option(
        "auto", "auto: online when logged in, else offline", choices=("auto", "online", "offline", "disabled")
    )
    wandb_project: str = option("dinet-lipsync", "wandb project")


@dataclass
class InferenceOptions:
    """inference.py"""

    source_video_path: str = option(
        "",
        "video of the face to be dubbed; any format, any frame rate; or a picture: a head that stands still and "
        "speaks; or a folder that avatar.py made",
        aliases=("video",),
    )
    driving_audio_path: str = option("", "speech; any sound or video file", aliases=("speech",))
    pretrained_clip_DINet_path: str = option("", "checkpoint of a generator, from this project or published for DINet")
    source_openface_landmark_path: str = option("", "OpenFace CSV of the video; without it landmarks are found")
    face_landmarker_model: str = option("", "face_landmarker.task of mediapipe; without it the packaged one is used")
    deepspeech_model_path: str = option(
        "./asserts/output_graph.pb", "for checkpoints trained on DeepSpeech features", aliases=("deep_speech_model",)
    )
    res_video_dir: str = option("./output/inference_result", "folder of the result, SOURCE_facial_dubbing.mp4")
    output: str = option("", "path of the result, instead of --res_video_dir")
    jobs: str = option(
        "", "file of many videos to dub, .yaml, .jsonl or .csv: of each video, speech, output and any option but this"
    )
    reference_frames: str = option(
        "", "five frame numbers of the source, as 3,10,44,80,120; or random; not set: spread over mouth openings"
    )
    lip_strength: float = option(
        1.0,
        "how far the mouth opens: 0 closed, 1 as heard, 2 twice as far; not 1: lips are found once more",
        low=0,
        high=2,
    )
    smooth: int = option(
        0,
        "frames on either side whose sound counts too, less and less: 1 or 2 take flicker out of mouths, and slur them",
        low=0,
        high=5,
    )
    detail: float = option(1.0, DETAIL_HELP, low=0, high=1)
    cache_folder: str = option(
        "./output/cache", "folder of what is known of videos already dubbed (up to 2 GB); '' keeps nothing"
    )
    num_workers: int = option(0, SEARCH_HELP, low=0, high=64)
    batch_size: int = option(4, "frames generated at a time", low=1, high=1024)
    precision: str = option("auto", PRECISION_HELP, choices=PRECISIONS)
    crf: int = option(16, "x264 quality, 0 (lossless) to 51", low=0, high=51)
    preset: str = option("veryfast", "x264 speed: slower ones make smaller files", choices=X264_PRESETS)
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)
    seed: int = option(0, "seed of --reference_frames random", low=0, high=LARGEST_SEED)


@dataclass
class ExportOptions:
    """tools/export_onnx.py"""

    pretrained_clip_DINet_path: str = option("", "checkpoint of a generator, from this project or published for DINet")
    output_folder: str = option("./output/onnx", "folder for reference.onnx, frame.onnx and generator.json")


@dataclass
class AvatarOptions:
    """avatar.py"""

    source_video_path: str = option("", "video of the face, or a picture: a face that stands still", aliases=("video",))
    pretrained_clip_DINet_path: str = option("", "checkpoint of the generator that is to draw the mouth")
    output_folder: str = option("", "folder of the avatar, such as avatars/anna; an older avatar there is replaced")
    fps: float | None = option(None, "frames a second; not set: the video's own, 25 for a picture", low=1, high=120)
    source_openface_landmark_path: str = option("", "OpenFace CSV of the video; without it landmarks are found")
    face_landmarker_model: str = option("", "face_landmarker.task of mediapipe; without it the packaged one is used")
    cache_folder: str = option("./output/cache", "folder in which inference.py keeps landmarks; '' keeps nothing")
    num_workers: int = option(0, SEARCH_HELP, low=0, high=64)


@dataclass
class LiveOptions:
    """live.py"""

    avatar: str = option("", "folder that avatar.py made")
    input: str = option("", "speech: - for raw PCM16, 16 kHz, mono on standard input; or any file or URL FFmpeg reads")
    output: str = option("", "file .mp4, .mkv, .flv, .mov or .ts, or URL rtmp://, udp://, tcp:// or srt://")
    realtime: bool = option(False, "keep in step with the clock; without it, as fast as it goes")
    delay: float = option(
        0.15,
        "with --realtime, seconds that frames are kept back, so that those that take longer are in time too",
        low=0,
        high=2,
    )
    detail: float = option(1.0, DETAIL_HELP, low=0, high=1)
    precision: str = option("auto", PRECISION_HELP, choices=PRECISIONS)
    crf: int = option(18, "x264 quality, 0 (lossless) to 51", low=0, high=51)
    preset: str = option("veryfast", "x264 speed: faster ones leave more of the processor", choices=X264_PRESETS)
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)


@dataclass
class AppOptions:
    """app.py"""

    host: str = option("127.0.0.1", "address that is listened on; other than loopback needs --token")
    port: int = option(7860, "port; 0: one that is free", low=0, high=65535)
    checkpoint: str = option("", "checkpoint of a generator, from this project or published for DINet")
    avatars: str = option("./output/avatars", "folder of avatars, that avatar.py or the page make, for the page Live")
    token: str = option("", "what callers must show: Authorization: Bearer TOKEN, or the page by /?token=TOKEN")
    state_folder: str = option("./output/app", "folder of jobs, uploads and results; one server works in it at a time")
    media_root: str = option("", "folder of videos and speech on this machine that jobs may name; not set: none")
    callback_host: str = option("", "hosts that may be told of a job's end, as a.example,b.example:8080")
    runs_folder: str = option("./output", "folder in which the page Runs looks for runs of training")
    data_folder: str = option("./25fps", "folder of make_dataset.py, whose report the page Data shows")
    max_upload: int = option(500, "megabytes that a request may hold", low=1, high=10**6)
    max_seconds: float = option(600.0, "longest video and longest speech", low=1, high=10**6)
    max_pixels: int = option(3840 * 2160, "of a frame of a video", low=1024)
    max_pending: int = option(200, "jobs that may wait; more are refused", low=1, high=10**6)
    keep_hours: float = option(24.0, "hours after which a job that has ended is deleted with its result", low=0.01)
    live_streams: int = option(
        1, "people who speak live at a time, each by a generator of their own; 0: nobody", low=0, high=16
    )
    workers: int = option(1, "jobs that are done at a time, each with a generator of its own", low=1, high=64)
    deepspeech_model_path: str = option(
        "./asserts/output_graph.pb", "for checkpoints trained on DeepSpeech features", aliases=("deep_speech_model",)
    )
    face_landmarker_model: str = option("", "face_landmarker.task of mediapipe; without it the packaged one is used")
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)
    precision: str = option("auto", PRECISION_HELP, choices=PRECISIONS)


@dataclass
class EvaluateOptions:
    """evaluate.py"""

    generated: str = option("", "video to score, or a folder of videos")
    reference: str = option("", "video with the true mouth, frame for frame, or a folder with the same names")
    source: str = option("", "for leak and the contact sheet: video that was dubbed, or a folder with the same names")
    metrics: str = option("auto", f"auto: all that can be had; or some of {','.join(METRICS)}")
    syncnet: str = option("", "for sync: a checkpoint of a syncnet stage, or the public syncnet_v2.model")
    identity_weights: str = option("", "for identity: OpenCV's face_recognition_sface_2021dec.onnx")
    protocol: str = option(
        "auto",
        "written into the JSON: paired, a video dubbed with its own sound; unpaired, with other speech, or from frames "
        "with other mouths; auto: paired where --source has the bytes of --reference; claim it yourself if coded anew",
        choices=PROTOCOLS,
    )
    json: str = option("", "file that the scores are written to as JSON")
    pictures: str = option("", "folder for contact_sheet.png, lip_opening.png and sync.png, by video if there are many")
    face_landmarker_model: str = option("", "face_landmarker.task of mediapipe; without it the packaged one is used")
    deepspeech_model_path: str = option(
        "./asserts/output_graph.pb", "for a SyncNet trained on DeepSpeech features", aliases=("deep_speech_model",)
    )


@dataclass
class MakeDatasetOptions:
    """make_dataset.py"""

    root_folder: str = option("", "folder of raw videos, searched with its subfolders; never written to")
    output_folder: str = option("", "folder for clips, their landmarks and report.html")
    training_data_path: str = option("", "training set that the clips are placed in (linked, or copied)")
    dry_run: bool = option(False, "look at the videos and write the report, but no clips")
    keep_all: bool = option(False, "keep every stretch of a face, also those that the report says should be left out")
    min_seconds: float = option(2.0, "shortest clip", low=0.36, high=3600)
    max_seconds: float = option(60.0, "longest clip; longer shots are divided in pauses of speech", low=2, high=3600)
    syncnet: str = option(
        "", "SyncNet checkpoint, or the public syncnet_v2.model: decides who speaks and whether sound is in step"
    )
    max_offset: int = option(
        6,
        "with --syncnet: sound out of step by up to so many frames is moved; by more, the clip is left out",
        low=0,
        high=15,
    )
    min_confidence: float = option(
        0.0, "with --syncnet: least confidence that lips and sound go together; 0: what suits the SyncNet", low=0
    )
    deepspeech_model_path: str = option(
        "./asserts/output_graph.pb", "for a SyncNet trained on DeepSpeech features", aliases=("deep_speech_model",)
    )
    face_landmarker_model: str = option("", "face_landmarker.task of mediapipe; without it the packaged one is used")
    num_workers: int = option(2, "videos worked on at a time, each in a process", low=1, high=256)
    scheduler: str = option("", "address of a Dask cluster that takes the videos, instead of --num_workers")

    # What a clip must be. 0: measured, but no reason to leave it out.
    min_face_size: int = option(
        64, "height of a face from brows to chin, pixels; a mouth of 64 wants 72, of 128 144, of 256 288; 0: any", low=0
    )
    min_face_share: float = option(0.9, "share of a clip's frames in which the face is found", low=0, high=1)
    max_yaw: float = option(
        45.0, "degrees that a head is turned to a side in all but a tenth of the frames; 0: any", low=0, high=90
    )
    max_pitch: float = option(35.0, "degrees that it is raised or lowered, likewise; 0: any", low=0, high=90)
    min_sharpness: float = option(
        55.0, "of the edges in the mouth region: 100 is usual, at 50 they are twice as wide; 0: any", low=0, high=200
    )
    max_mouth_covered: float = option(
        0.1, "share of frames in which the lips cannot be seen, behind a hand or a microphone; 0: any", low=0, high=1
    )
    min_brightness: float = option(0.1, "of the face, from 0, black, to 1, white", low=0, high=1)
    max_overexposed: float = option(0.3, "share of the face that is burnt out; 0: any", low=0, high=1)
    min_loudness: float = option(-50.0, "level of the speech, dB of full scale; 0: any", low=-100, high=0)
    max_clipping: float = option(
        0.01, "share of the sound's samples at nine tenths of full scale or more; 0: any", low=0, high=1
    )
    min_speech: float = option(0.25, "share of a clip's time in which somebody speaks", low=0, high=1)


@dataclass
class MergeOptions:
    """tools/merge_datasets.py"""

    output: str = option("", "folder of the merged training set: new, or of the same merge, which is then completed")


@dataclass
class CompressOptions:
    """tools/compress.py"""

    output: str = option("", "archive, a name that ends in .tar.zst; not set: FOLDER.tar.zst beside the folder")
    split: str = option("", "size of the parts, such as 500M (MiB), 4G (GiB) or 4GB (10^9 bytes); not set: one file")
    verify: bool = option(True, "read the archive back and compare checksums, names and sizes")


@dataclass
class AudioOptions:
    """tools/audio.py"""

    output: str = option("", "folder of the results, which keep their names; or a file, for one file and for --join")
    format: str | None = option(
        None, "of the results in a folder; not set: that of the file, wav where it is another", choices=SOUND_FORMATS
    )
    start: float = option(0.0, "seconds of every file that are left out at its beginning", low=0, high=10**6)
    end: float | None = option(None, "seconds from the beginning of every file where it ends", low=0, high=10**6)
    trim: bool = option(False, "leave out silence at either end, as --silence_level says")
    silence_level: float = option(-50.0, "loudest silence for --trim, in dB below full scale", low=-120, high=0)
    rate: int | None = option(None, "samples a second", low=1000, high=192000)
    mono: bool = option(False, "mix all channels into one")
    join: bool = option(False, "put all files into one, in the order in which they are given")
    crossfade: float = option(0.02, "seconds over which joined files fade into each other", low=0, high=10)
    loudness: float | None = option(None, "integrated loudness in LUFS, EBU R128: -23 for broadcast", low=-70, high=-5)
    pad: float = option(0.0, "seconds of silence that are added at either end", low=0, high=3600)
