; Inno Setup: ask sizer after the files are there and say what it chose. Text only: it was not compiled where this was written.
; sizer.exe is the frozen program beside this script.
[Setup]
AppName=Example with a local model
AppVersion=1.0
DefaultDirName={autopf}\Example
PrivilegesRequired=lowest

[Files]
Source: "sizer.exe"; DestDir: "{app}"

[Code]
const
  Question = 'recommend --quiet --use-case general';

{ Returns the exit code of sizer, and writes its standard output to a file; -1 when it could not be started. }
function Ask(Words, Output: String): Integer;
var
  Line: String;
  Code: Integer;
begin
  Line := '/S /C ""' + ExpandConstant('{app}\sizer.exe') + '" ' + Words + ' > "' + Output + '" 2> "' + ExpandConstant('{app}\sizer.log') + '""';
  if not Exec(ExpandConstant('{cmd}'), Line, '', SW_HIDE, ewWaitUntilTerminated, Code) then
    Code := -1;
  Result := Code;
end;

procedure CurStepChanged(CurStep: TSetupStep);
var
  Code: Integer;
  Folder: String;
begin
  if CurStep <> ssPostInstall then
    Exit;
  Folder := ExpandConstant('{app}');
  Code := Ask(Question + ' --json', Folder + '\recommendation.json');
  case Code of
    0: begin
        Ask(Question + ' --emit env', Folder + '\model.env');
        Ask(Question + ' --emit shell', Folder + '\plan.ps1');
        SuppressibleMsgBox('A local model was chosen. plan.ps1 in the program folder sets it up.', mbInformation, MB_OK, IDOK);
      end;
    3: begin
        Ask(Question + ' --emit env', Folder + '\model.env');
        SuppressibleMsgBox('No local model fits this computer; a cloud provider is used instead.', mbInformation, MB_OK, IDOK);
      end;
    130: Log('sizer was interrupted');
  else
    { 2: this script is wrong; 4: a file could not be read; 5: something remote was not reached; 1: a bug; -1: not started. Setup goes on. }
    Log('sizer ended with ' + IntToStr(Code) + '; see sizer.log');
  end;
end;
